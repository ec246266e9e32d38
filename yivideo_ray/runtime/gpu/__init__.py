"""The GPU actor and the way to it: placing, calling with retries, the mailbox, the time limit, the crash ledger."""
