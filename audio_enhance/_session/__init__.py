"""The session layer: connections, tokens, rate limits, retries and the API's requests."""
