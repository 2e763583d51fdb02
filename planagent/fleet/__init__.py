"""Many workspaces on many machines: schedules and work through one PostgreSQL database and procrastinate's queue."""
