"""DeepFilterNet3 through its C interface."""

import numpy as np

from audio_enhance.local.enhancer.dfn3 import DeepFilterNet3

from .support import RATE, at_snr, lag, level, noise, speaking, speech


def test_it_is_1440_samples_late_and_knows_where_speech_is() -> None:
    clean = speech("slt")[: 3 * RATE]
    noisy = at_snr(clean, noise("pink", len(clean)), 10).astype(np.float32)[None]
    network = DeepFilterNet3(1)
    output, above = network.process(noisy)
    network.close()

    assert output.shape == noisy.shape
    assert lag(output[0], noisy[0]) == network.delay
    talking = speaking(clean)
    pauses = ~talking
    aligned = np.roll(output[0], -network.delay)
    assert level(aligned, pauses[: len(aligned) // 960]) < level(noisy[0], pauses) - 20
    seen = np.roll(above, -3).reshape(-1, 2).max(axis=1)
    assert np.median(seen[talking]) > 0
    assert np.median(seen[pauses]) < -10


def test_windows_are_seamless_and_channels_apart() -> None:
    samples = (noise("pink", 9600) / 10).astype(np.float32)[None]
    whole, piecewise = DeepFilterNet3(1), DeepFilterNet3(2)
    expected, _ = whole.process(samples)
    both = np.concatenate([np.zeros_like(samples), samples])
    pieces = [piecewise.process(part)[0] for part in np.split(both, [480, 1920], axis=1)]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1)[1:], expected)
    whole.close()
    piecewise.close()
