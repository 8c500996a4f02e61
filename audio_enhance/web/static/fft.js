// The discrete Fourier transform.

// A radix-2 transform in place, with its tables made once.
export function fft(size) {
  const cosines = Float64Array.from({ length: size / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / size));
  const sines = Float64Array.from({ length: size / 2 }, (_, i) => Math.sin((2 * Math.PI * i) / size));
  const bits = Math.log2(size);
  const reversed = Uint32Array.from({ length: size }, (_, i) => {
    let result = 0;
    for (let bit = 0; bit < bits; bit += 1) if (i & (1 << bit)) result |= 1 << (bits - 1 - bit);
    return result;
  });
  return (real, imaginary) => {
    for (let i = 0; i < size; i += 1) {
      const j = reversed[i];
      if (j > i) {
        [real[i], real[j]] = [real[j], real[i]];
        [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
      }
    }
    for (let half = 1; half < size; half *= 2) {
      const stride = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k += 1) {
          const a = start + k, b = a + half;
          const cosine = cosines[k * stride], sine = -sines[k * stride];
          const re = real[b] * cosine - imaginary[b] * sine;
          const im = real[b] * sine + imaginary[b] * cosine;
          real[b] = real[a] - re;
          imaginary[b] = imaginary[a] - im;
          real[a] += re;
          imaginary[a] += im;
        }
      }
    }
  };
}
