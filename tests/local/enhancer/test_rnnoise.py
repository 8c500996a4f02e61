"""RNNoise through its own library, without the package around it."""

import subprocess
import sys

import numpy as np

from audio_enhance.local.enhancer.rnnoise import RNNoise

from .support import lag, noise, speaking, speech


def test_it_is_960_samples_late_and_knows_speech() -> None:
    clean = speech("slt")
    samples = clean[: len(clean) // 480 * 480].astype(np.float32)[None]
    denoiser = RNNoise(1)
    output, voice = denoiser.process(samples)
    denoiser.close()

    assert output.shape == samples.shape
    assert abs(lag(output[0], samples[0]) - denoiser.delay) <= 3
    talking = np.repeat(speaking(clean), 2)[: len(voice) - 2]
    assert np.median(voice[2:][talking]) > 0.9
    assert np.median(voice[2:][~talking]) < 0.1


def test_windows_are_seamless() -> None:
    samples = (noise("pink", 9600) / 10).astype(np.float32)[None]
    whole, piecewise = RNNoise(1), RNNoise(1)
    expected, _ = whole.process(samples)
    pieces = [piecewise.process(part)[0] for part in np.split(samples, [480, 1920], axis=1)]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), expected)
    whole.close()
    piecewise.close()


def test_it_leaves_its_input_alone() -> None:
    samples = np.ones((1, 480), np.float32)
    denoiser = RNNoise(1)
    denoiser.process(samples)
    denoiser.close()
    assert np.all(samples == 1)


def test_the_package_around_the_library_is_not_imported() -> None:
    program = (
        "from audio_enhance.local.enhancer.rnnoise import RNNoise; RNNoise(1).close();"
        "import sys; print([m for m in ('pyrnnoise', 'matplotlib') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert run.stdout.strip() == b"[]"
