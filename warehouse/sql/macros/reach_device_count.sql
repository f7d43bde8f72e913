-- Which of the fixed list of devices a text uses, as a number; most texts use none.
-- Each is named by its place: a pattern that is not a constant would be read anew for every row.
create or replace macro reach_device_count(text_masked) as
case
    when regexp_matches(lower(text_masked), array_to_string(reach_devices(), '|'))
        then
            cast(regexp_matches(lower(text_masked), reach_devices()[1]) as bigint)
            + cast(regexp_matches(lower(text_masked), reach_devices()[2]) as bigint)
            + cast(regexp_matches(lower(text_masked), reach_devices()[3]) as bigint)
            + cast(regexp_matches(lower(text_masked), reach_devices()[4]) as bigint)
            + cast(regexp_matches(lower(text_masked), reach_devices()[5]) as bigint)
            + cast(regexp_matches(lower(text_masked), reach_devices()[6]) as bigint)
            + cast(regexp_matches(lower(text_masked), reach_devices()[7]) as bigint)
    else 0
end;
