-- Mean of y under weights w over the rows where y is known; null where none is.
create or replace macro weighted_mean(y, w) as
sum(w * y) / sum(w) filter (where y is not null);
