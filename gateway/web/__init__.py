"""Server-rendered pages: chat for staff, console for officers."""
