"""The HTTP and WebSocket API: decodes and checks requests, asks the ports, words the answers. Decides nothing."""

from gateway.adapters.http.server import HttpServer, ServerRefused

__all__ = ["HttpServer", "ServerRefused"]
