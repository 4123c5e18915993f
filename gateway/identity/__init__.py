"""Who is calling: access tokens, key sets, browser sessions, login."""
