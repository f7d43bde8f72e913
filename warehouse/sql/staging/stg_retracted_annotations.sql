-- Annotations that were deleted in Label Studio.
create or replace view staging.stg_retracted_annotations as
select
    annotation_id,
    retracted_at
from landed.retracted_annotations;
