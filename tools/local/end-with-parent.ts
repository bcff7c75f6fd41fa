// Preloaded into each function's process: ends it when its parent dies. The adapter alone would keep running.
process.once('disconnect', () => process.exit(1));
