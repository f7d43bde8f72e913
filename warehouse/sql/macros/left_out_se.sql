-- Standard error by leaving each cluster out in turn; shift: how far the estimate then moves.
-- Null where nothing moves: what never varies says nothing of how far it might.
-- Source: the delete-one-group jackknife; Wolter 2007, Introduction to Variance Estimation, 4.
create or replace macro left_out_se(shift) as
sqrt(nullif((count(shift) - 1) / nullif(count(shift), 0) * sum(shift * shift), 0));
