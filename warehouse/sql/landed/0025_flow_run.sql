-- Which run of Prefect's a pass was part of; null outside of one.
alter table landed.collection_runs add column flow_run varchar;
