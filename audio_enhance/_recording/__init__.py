"""The recording: where its bytes are, what identifies it, what it is called."""
