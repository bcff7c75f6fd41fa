-- Why: the audit can be filtered by who acted. On a large table the index is built by npm run upgrade, while everything else goes on.

select private.lock_table('webhook_audit');
select private.finish_table('webhook_audit', p_now => true);
