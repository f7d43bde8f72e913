-- One end of a share's interval, `reach` standard errors away on the logit scale; 0 and 1 have the
-- exact binomial's end for n_eff units. Source: Korn and Graubard 1999, Analysis of Health Surveys.
create or replace macro logit_end(share, se, n_eff, reach) as
case
    when share <= 0 then case when reach < 0 then 0.0 else 1 - pow(0.025, 1 / n_eff) end
    when share >= 1 then case when reach < 0 then pow(0.025, 1 / n_eff) else 1.0 end
    else 1 / (1 + exp(-(ln(share / (1 - share)) + reach * se / (share * (1 - share)))))
end;
