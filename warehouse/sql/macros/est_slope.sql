-- Weighted slope of y on x within cells. Columns of tbl: cluster, cell, x, y, w.
create or replace macro est_slope(tbl) as table
    with d as (
        select
            cluster,
            cell,
            cast(x as double) as x,
            cast(y as double) as y,
            cast(w as double) as w
        from query_table(tbl)
        where
            cluster is not null
            and y is not null
            and x is not null
            and cell is not null
            and w > 0
    ),

    m as (
        select
            cell,
            sum(w * x) / sum(w) as mx,
            sum(w * y) / sum(w) as my
        from d
        group by cell
        having count(*) > 1
    ),

    z as (
        select
            d.cluster,
            d.w,
            d.x - m.mx as xd,
            d.y - m.my as yd
        from d
        inner join m on d.cell = m.cell
    ),

    b as (
        select
            sum(w * xd * yd) / nullif(sum(w * xd * xd), 0) as est,
            sum(w * xd * xd) as sxx,
            count(*) as n,
            pow(sum(w), 2) / sum(w * w) as n_eff
        from z
    ),

    u as (
        select
            z.cluster,
            sum(z.w * z.xd * (z.yd - b.est * z.xd)) / nullif(any_value(b.sxx), 0) as u
        from z
        cross join b
        group by z.cluster
    )

    select
        any_value(b.est) as est,
        sqrt(count(u.cluster) / nullif(count(u.cluster) - 1.0, 0) * sum(u.u * u.u)) as se,
        any_value(b.n) as n,
        any_value(b.n_eff) as n_eff,
        (select count(*) from m) as cells,
        count(u.cluster) as clusters
    from b
    left join u on true;
