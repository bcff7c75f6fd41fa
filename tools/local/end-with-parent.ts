// Preloaded into each function's process. The adapter's program stays when its parent is killed; this one goes too.
process.once('disconnect', () => process.exit(1));
