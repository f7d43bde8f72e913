-- What a root must have for its replies to have the least chance; 0 where nothing is asked.
alter table landed.frames add column least_probability double default 0;
