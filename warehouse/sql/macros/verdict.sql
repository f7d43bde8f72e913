-- What an estimate says of a claim, against the smallest effect worth calling a finding.
-- df: degrees of freedom, as the estimator gives them; without it one less than clusters.
create or replace macro verdict(est, se, sesoi, sgn, clusters, df := null) as
case
    when est is null or se is null or isnan(se) or clusters < 20 then 'no data'
    when sgn * (est - sesoi) - t_quantile(coalesce(df, clusters - 1)) * se > 0 then 'supported'
    when sgn * (est - sesoi) + t_quantile(coalesce(df, clusters - 1)) * se < 0
        then 'not supported'
    else 'inconclusive'
end;
