-- The contract's name for a unit kind.
create or replace macro unit_type(unit_kind) as
case unit_kind
    when 'timeline' then 'author_timeline'
    when 'thread' then 'thread'
    when 'community' then 'community'
    else 'post'
end;
