-- Weighted share of y. Columns of tbl: cluster, w, y. se: each cluster left out in turn.
-- Where all rows say the same, half the rule of three (Hanley and Lippman-Hand 1983).
create or replace macro est_share(tbl) as table
    with d as (
        select
            cluster,
            cast(y as double) as y,
            cast(w as double) as w
        from query_table(tbl)
        where cluster is not null and y is not null and w > 0
    ),

    g as (
        select
            cluster,
            count(*) as n,
            sum(w) as sw,
            sum(w * y) as swy,
            sum(w * w) as sww,
            min(y) as low,
            max(y) as high
        from d
        group by cluster
    ),

    tot as (
        select
            sum(swy) / sum(sw) as est,
            cast(coalesce(sum(n), 0) as bigint) as n,
            pow(sum(sw), 2) / sum(sww) as n_eff,
            count(*) as clusters,
            pow(sum(sw), 2) / sum(sw * sw) - 1 as df,
            sum(sw) as sw,
            sum(swy) as swy,
            min(low) = max(high) as is_constant
        from g
    ),

    apart as (
        select (tot.swy - g.swy) / nullif(tot.sw - g.sw, 0) - tot.est as shift
        from g
        cross join tot
    )

    select
        any_value(tot.est) as est,
        case
            when any_value(tot.is_constant) then 1.5 / nullif(any_value(tot.clusters), 0)
            else left_out_se(apart.shift)
        end as se,
        any_value(tot.n) as n,
        any_value(tot.n_eff) as n_eff,
        cast(null as bigint) as cells,
        any_value(tot.clusters) as clusters,
        any_value(tot.df) as df
    from tot
    left join apart on true;
