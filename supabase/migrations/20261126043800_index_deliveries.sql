-- Why: subscribers' deliveries are claimed, ordered and read by indexes of their own. Where the table is large, npm run upgrade builds
-- them.

select from private.finish_table('webhook_deliveries', p_now => true);
