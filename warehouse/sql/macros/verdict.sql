-- What an estimate says of a claim, against the smallest effect worth calling a finding.
-- The interval is the closed form's; a cluster bootstrap takes the wider of the two later.
create or replace macro verdict(est, se, sesoi, sgn, clusters) as
case
    when est is null or se is null or isnan(se) or clusters < 20 then 'no data'
    when sgn * (est - sesoi) - 1.96 * se > 0 then 'supported'
    when sgn * (est - sesoi) + 1.96 * se < 0 then 'not supported'
    else 'inconclusive'
end;
