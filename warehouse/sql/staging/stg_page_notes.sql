-- What happened on the way to pages. Grain: run_id, source, stream and note.
create or replace view staging.stg_page_notes as
select
    run_id,
    source,
    stream,
    note,
    notes_count,
    noted_at
from landed.page_notes;
