-- How sure the detected language is: probability of the likeliest, under 0.5 where `language` is
-- null for doubt. Null where the text is too short, and of posts saved before.
alter table landed.post_versions add column language_confidence double;
