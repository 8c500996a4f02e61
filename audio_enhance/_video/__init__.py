"""Videos: their sound taken out to be enhanced, and put back beside the untouched picture.

It needs PyAV, which the extra `video` brings along; only `opening`, `taking_out`, `decoding` and
`putting_back` import it, and nothing imports those before a video is at hand.
"""
