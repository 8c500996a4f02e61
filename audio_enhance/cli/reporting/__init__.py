"""Reports on a batch: a page with pictures, a table for spreadsheets, or JSON for programs."""
