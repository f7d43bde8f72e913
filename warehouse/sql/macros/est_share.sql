-- Weighted share of y; standard error robust to clusters. Columns of tbl: cluster, w, y.
create or replace macro est_share(tbl) as table
    with d as (
        select
            cluster,
            cast(y as double) as y,
            cast(w as double) as w
        from query_table(tbl)
        where cluster is not null and y is not null and w > 0
    ),

    m as (
        select
            sum(w * y) / sum(w) as est,
            sum(w) as sw,
            count(*) as n,
            pow(sum(w), 2) / sum(w * w) as n_eff
        from d
    ),

    u as (
        select
            d.cluster,
            sum(d.w * (d.y - m.est)) / any_value(m.sw) as u
        from d
        cross join m
        group by d.cluster
    )

    select
        any_value(m.est) as est,
        sqrt(count(u.cluster) / nullif(count(u.cluster) - 1.0, 0) * sum(u.u * u.u)) as se,
        any_value(m.n) as n,
        any_value(m.n_eff) as n_eff,
        cast(null as bigint) as cells,
        count(u.cluster) as clusters
    from m
    left join u on true;
