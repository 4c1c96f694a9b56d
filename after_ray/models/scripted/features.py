"""Extractors that TorchScript can carry, each with the transforms and tables of the package's own.

Every one takes samples of shape (samples,), at least one, and gives pieces as the classifier's network takes
them. That they give what the extractors give is checked at every export, on clips of several lengths.
"""

# Annotations are looked at by TorchScript, which does not read them as strings.
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from after_ray.audio._torchaudio import torchaudio
from after_ray.features.cepstra import LIMIT, LOUD_PERCENTILE, Cepstra
from after_ray.features.cepstra import LOG_FLOOR as CEPSTRA_FLOOR
from after_ray.features.functionals import (
    LOG_FLOOR,
    LONGEST_LAG,
    PERCENTILES,
    PITCH_HOP,
    PITCH_WINDOW,
    QUIET,
    SAMPLE_RATE,
    SHORTEST_LAG,
    VOICED,
    Functionals,
)
from after_ray.features.log_mel import HOP as LOG_MEL_HOP
from after_ray.features.log_mel import LOG_FLOOR as LOG_MEL_FLOOR
from after_ray.features.log_mel import SMALLEST_DEVIATION, LogMel
from after_ray.features.magnitudes import FRAMES, FREQUENCIES, SHORTEST, Magnitudes
from after_ray.features.magnitudes import HOP as MAGNITUDES_HOP
from after_ray.features.mfcc_segments import AT_ONCE, MfccSegments

compute_deltas = torchaudio.functional.compute_deltas


class FunctionalsOf(nn.Module):
    """`after_ray.features.functionals`: (samples,) to (1, 94)."""

    dct: Tensor
    window: Tensor
    gain: Tensor
    shares: Tensor

    def __init__(self, extractor: Functionals) -> None:
        super().__init__()
        pitch = extractor._pitch
        self.mel = extractor._mel
        self.register_buffer("dct", extractor._dct)
        self.register_buffer("window", pitch._window)
        self.register_buffer("gain", pitch._gain)
        self.register_buffer("shares", torch.tensor(PERCENTILES) / 100)
        self.floor, self.voiced, self.quiet = LOG_FLOOR, VOICED, QUIET
        self.length, self.hop, self.rate = PITCH_WINDOW, PITCH_HOP, float(SAMPLE_RATE)
        self.shortest, self.longest = SHORTEST_LAG, LONGEST_LAG

    def forward(self, samples: Tensor) -> Tensor:
        """Functionals, float32."""
        missing = max(0, self.length - samples.shape[0])
        samples = pad(samples, (0, missing))
        log_mel = torch.log(self.mel(samples) + self.floor).t()
        level = log_mel.mean(dim=1)
        cepstra = log_mel @ self.dct
        differences = compute_deltas(cepstra.t()).t()
        parts = [
            cepstra.mean(dim=0),
            self.deviation(cepstra),
            torch.median(cepstra, dim=0)[0],
            self.deviation(differences),
            self.pitch(samples),
            self.distribution(level),
            self.deviation(level[1:] - level[:-1]).reshape(1),
        ]
        return torch.cat(parts)[None].float()

    def pitch(self, samples: Tensor) -> Tensor:
        """Distribution of log pitch, then voicing strength and voiced share, shape (8,)."""
        frames = samples.unfold(0, self.length, self.hop)
        windowed = (frames - frames.mean(dim=1, keepdim=True)) * self.window
        spectrum = torch.fft.rfft(windowed, self.length + 512)
        power_spectrum = torch.real(spectrum) ** 2 + torch.imag(spectrum) ** 2
        correlation = torch.fft.irfft(power_spectrum)[:, : self.longest + 1]
        power = correlation[:, 0]
        highest, lag = (correlation[:, self.shortest : self.longest + 1] * self.gain).max(dim=1)
        strength = (highest / (power + 1e-9)).clamp(0, 1)
        voiced = (strength > self.voiced) & (power > self.quiet * power.max())
        log_pitch = torch.log(self.rate / (lag[voiced] + self.shortest))
        if log_pitch.shape[0] == 0:
            log_pitch = torch.zeros(1, device=samples.device)
        said = torch.stack([strength.mean(), self.deviation(strength), voiced.float().mean()])
        return torch.cat([self.distribution(log_pitch), said])

    def distribution(self, values: Tensor) -> Tensor:
        """Mean, deviation and three percentiles; (n,) to (5,)."""
        spread = self.deviation(values).reshape(1)
        return torch.cat([values.mean().reshape(1), spread, values.quantile(self.shares)])

    def deviation(self, values: Tensor) -> Tensor:
        """Standard deviation over time."""
        return values.std(dim=0, unbiased=False)


class CepstraOf(nn.Module):
    """`after_ray.features.cepstra`: (samples,) to (1, frames, 40)."""

    mel: Tensor
    cosines: Tensor

    def __init__(self, extractor: Cepstra) -> None:
        super().__init__()
        self.samples = extractor._samples
        self.magnitude = extractor._magnitude
        self.register_buffer("mel", extractor._mel)
        self.register_buffer("cosines", extractor._cosines)
        self.share, self.floor, self.limit = LOUD_PERCENTILE / 100, CEPSTRA_FLOOR, LIMIT
        self.epsilon = torch.finfo(torch.float64).eps

    def forward(self, samples: Tensor) -> Tensor:
        """Coefficients, float32."""
        first = max(0, samples.shape[0] - self.samples) // 2
        middle = samples[first : first + self.samples]
        # In double precision, in which numpy finds the place of a percentile, and stored as numpy stores it.
        loud = torch.quantile(middle.abs().double(), self.share).float().double() + self.epsilon
        stretch = (middle.double() / loud).clamp(-1, 1).float()
        missing = self.samples - stretch.shape[0]
        magnitude = self.magnitude(pad(stretch, (missing // 2, missing - missing // 2)))
        log_mel = torch.log(magnitude.t() @ self.mel + self.floor)
        return (log_mel @ self.cosines).clamp(-self.limit, self.limit)[None]


class LogMelOf(nn.Module):
    """`after_ray.features.log_mel`: (samples,) to (1, frames, 128)."""

    def __init__(self, extractor: LogMel) -> None:
        super().__init__()
        self.frames, self.hop = extractor._frames, LOG_MEL_HOP
        self.mel = extractor._mel
        self.floor, self.smallest = LOG_MEL_FLOOR, SMALLEST_DEVIATION

    def forward(self, samples: Tensor) -> Tensor:
        """Values as they are stored, float32."""
        first = max(0, samples.shape[0] - self.frames * self.hop) // 2
        middle = samples[first : first + self.frames * self.hop]
        heard = max(1, middle.shape[0] // self.hop)
        log_mel = torch.log(self.mel(middle).t()[:heard] + self.floor)
        deviation = log_mel.std(unbiased=False).clamp_min(self.smallest)
        missing = self.frames - heard
        standardised = (log_mel - log_mel.mean()) / deviation
        return pad(standardised, (0, 0, missing // 2, missing - missing // 2)).half().float()[None]


class MfccSegmentsOf(nn.Module):
    """`after_ray.features.mfcc_segments`: (samples,) to (segments, 26, times)."""

    mel: Tensor
    cosines: Tensor

    def __init__(self, extractor: MfccSegments) -> None:
        super().__init__()
        self.samples, self.hop, self.at_once = extractor._samples, extractor._hop, AT_ONCE
        self.power, self.decibels = extractor._power, extractor._decibels
        self.register_buffer("mel", extractor._mel)
        self.register_buffer("cosines", extractor._cosines)

    def forward(self, samples: Tensor) -> Tensor:
        """Coefficients, float32."""
        length = samples.shape[0]
        if length < self.samples:
            samples = samples.repeat(1 + self.samples // length)[: self.samples]
        segments = samples.unfold(0, self.samples, self.hop)
        parts = [self.coefficients(part) for part in segments.split(self.at_once)]
        return torch.cat(parts)

    def coefficients(self, segments: Tensor) -> Tensor:
        """Of some segments, shape (segments, samples)."""
        mel = torch.einsum("sft,fm->smt", self.power(segments), self.mel)
        decibels = self.decibels(mel[:, None])[:, 0]
        return torch.einsum("smt,mc->sct", decibels, self.cosines)


class MagnitudesOf(nn.Module):
    """`after_ray.features.magnitudes`: (samples,) to (pieces, 501, 128)."""

    def __init__(self, extractor: Magnitudes) -> None:
        super().__init__()
        self.transform = extractor._transform
        self.scale = float(extractor._transform.window.sum())
        self.shortest, self.hop = SHORTEST, MAGNITUDES_HOP
        self.frames, self.frequencies = FRAMES, FREQUENCIES

    def forward(self, samples: Tensor) -> Tensor:
        """Magnitudes as they are stored, float32."""
        length = samples.shape[0]
        missing = max(self.shortest - length, (self.hop - length % self.hop) % self.hop)
        spectrogram = self.transform(pad(samples, (0, missing))) / self.scale
        backwards = spectrogram[: self.frequencies].t().flip(0)
        pieces = backwards.shape[0] // self.frames
        kept = backwards[: pieces * self.frames]
        return kept.reshape(pieces, self.frames, self.frequencies).half().float()
