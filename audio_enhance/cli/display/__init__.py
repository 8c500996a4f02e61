"""What people and programs see: lines, progress, and what comes at the end."""
