-- Why: metrics count dead letters by endpoint. Where the table is large, npm run upgrade builds the index.

select from private.finish_table('webhook_deliveries', p_now => true);
