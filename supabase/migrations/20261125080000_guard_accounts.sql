-- Why: deleting an account deletes its jobs before its reports, while writers of a report take their locks the other way round,
-- so that the two ended in deadlocks. A trigger of ours on auth.users takes the locks in the one order first; another notes the
-- deletion, so that the sweep erases what it leaves. They stand in a migration of their own because creating them waits for the transactions that write users, and blocks such writes until it ends.
-- Where the role that pushes may not create them, the migration says so and goes on: the doctor has a finding of it.

select private.guard_accounts();
