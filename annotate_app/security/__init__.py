"""One security mechanism a file: passwords, sessions, roles, cross-site requests, headers, rate limits."""
