"""How long a test waits for what should happen at once."""

#: Only a test that fails waits so long: on a machine that is busy with other work, shorter waits fail for nothing.
PATIENCE_S = 60.0
