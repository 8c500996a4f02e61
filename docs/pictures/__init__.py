"""The pictures of the documents, made from the programs themselves: `python -m docs.pictures`."""
