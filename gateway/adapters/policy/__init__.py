"""Policy engines: the embedded one, the OPA server, and what loads, judges and swaps the policies they run.

The gateway holds a ``live.LivePolicies``. It wraps an ``embedded.EmbeddedPolicy`` or a ``server.OpaServerPolicy``
and is fed by a ``loader.PolicyLoader``. ``loader.check`` gives the same verdict without taking anything into use.
Nothing is imported here: the process that judges policies starts often.
"""
