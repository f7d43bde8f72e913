-- The 97.5 percent point of Student's t: how many standard errors a 95 percent interval reaches.
-- Off by less than 0.2 percent from 3 degrees of freedom on; fewer than 2 count as 2.
-- Source: Cornish and Fisher's expansion round the normal's 1.959964; Abramowitz and Stegun 26.7.5.
create or replace macro t_quantile(df) as
1.959964
+ 2.372271 / greatest(df, 2)
+ 2.822502 / pow(greatest(df, 2), 2)
+ 2.555852 / pow(greatest(df, 2), 3)
+ 1.589536 / pow(greatest(df, 2), 4);
