"""Simulates degradations by cameras, weather and darkness, for ``fit_detection.py``.

Most functions take a random generator and an RGB picture [h, w, 3] float32 in [0, 1], and return
a picture. Those in ``KINDS`` return uint8.
"""

from __future__ import annotations

import cv2
import numpy as np

Generator = np.random.Generator
GAMMA = 2.2


def noisy(random: Generator, clean: np.ndarray) -> np.ndarray:
    """Sensor noise: signal-dependent in the raw data, which are then developed and compressed."""
    clean = softened(random, clean) if random.random() < 0.5 else clean
    clean = dimmed(random, clean) if random.random() < 0.5 else clean
    target = np.exp(random.uniform(np.log(0.012), np.log(0.16)))  # standard deviation in the result
    strength = 0.5 * target**2
    seed = int(random.integers(1 << 32))  # simulates the same camera each time
    noiseless = camera(np.random.default_rng(seed), clean, 0)
    for _ in range(4):
        result = camera(np.random.default_rng(seed), clean, strength)
        reached = (result - noiseless).std() + 1e-6
        if 0.85 < reached / target < 1.2:
            break
        strength *= (target / reached) ** 2
    if random.random() < 0.15:  # film grain, or noise of a picture that was scaled down
        sigma = random.uniform(0.4, 0.8)
        result = cv2.GaussianBlur(result, (0, 0), sigma)
        result = noiseless + (result - noiseless) * 1.5
    if random.random() < 0.1:
        noise = target * random.normal(size=clean.shape).astype(np.float32)
        result = noiseless + noise
    return compressed(random, codes(result), 0.4, 60)


def camera(random: Generator, clean: np.ndarray, strength: float) -> np.ndarray:
    """Simulate a simple camera with Poisson and Gaussian noise in its raw data."""
    gains = np.array([random.uniform(1.2, 2.4), 1.0, random.uniform(1.2, 2.2)], np.float32)
    colours = colour_matrix(random)
    raw = (clean**GAMMA @ np.linalg.inv(colours).T).clip(0, None) / gains
    height, width = raw.shape[0] // 2 * 2, raw.shape[1] // 2 * 2
    mosaic = raw[..., 1].copy()
    mosaic[:height:2, :width:2] = raw[:height:2, :width:2, 0]
    mosaic[1:height:2, 1:width:2] = raw[1:height:2, 1:width:2, 2]
    shot = strength * random.uniform(0.5, 2)
    variance = shot * mosaic + (strength * random.uniform(0.02, 0.3)) ** 1.3
    mosaic = mosaic + np.sqrt(variance) * random.normal(size=mosaic.shape).astype(np.float32)
    whole = (65535 * (0.1 + 0.9 * mosaic).clip(0, 1)).astype(np.uint16)
    code = cv2.COLOR_BayerBG2RGB if random.random() < 0.5 else cv2.COLOR_BayerBG2RGB_EA
    rgb = (cv2.cvtColor(whole, code).astype(np.float32) / 65535 - 0.1) / 0.9
    rgb = np.clip(rgb * gains @ colours.T, 0, 1).astype(np.float32) ** (1 / GAMMA)
    return developed(random, rgb) if random.random() < 0.4 else rgb


def colour_matrix(random: Generator) -> np.ndarray:
    """A random matrix from the sensor's colours to sRGB; its rows sum to 1 and add saturation."""
    saturation = random.uniform(0, 0.9)
    matrix = (1 + saturation) * np.eye(3) - saturation / 3
    matrix += 0.08 * random.normal(size=[3, 3])
    return (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)


def developed(random: Generator, rgb: np.ndarray) -> np.ndarray:
    """Develop as a camera or telephone does: denoise, mostly the colours, and sharpen."""
    way = random.random()
    if way < 0.4:
        rgb = cv2.GaussianBlur(rgb, (0, 0), random.uniform(0.4, 0.9))
    else:
        parts = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
        soft = cv2.GaussianBlur(parts, (0, 0), random.uniform(0.8, 3))
        luma = parts[..., 0]
        if way < 0.8:
            luma = cv2.bilateralFilter(luma, 5, random.uniform(0.02, 0.12), random.uniform(1, 2.5))
        rgb = cv2.cvtColor(np.dstack([luma, soft[..., 1:]]), cv2.COLOR_YCrCb2RGB)
    if random.random() < 0.6:
        rgb = sharpened(random, rgb)
    return rgb.clip(0, 1)


def sharpened(random: Generator, picture: np.ndarray) -> np.ndarray:
    """Sharpen by unsharp masking."""
    soft = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.7, 2))
    return picture + random.uniform(0.2, 1) * (picture - soft)


def softened(random: Generator, clean: np.ndarray) -> np.ndarray:
    """Enlarge a part, so that it is as soft as a photo of many megapixels at 100 % zoom."""
    height, width = clean.shape[:2]
    factor = random.uniform(1.1, 3)
    small = clean[: max(64, int(height / factor)), : max(64, int(width / factor))]
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def blurred(random: Generator, clean: np.ndarray) -> np.ndarray:
    """Motion blur: a shaken camera or the mean of video frames, then noise and compression."""
    night = random.random() < 0.2  # a handheld long exposure
    if night:
        clean = lit(random, darkened(random, clean, random.uniform(0.1, 0.3)))
    linear = clean**GAMMA if night or random.random() < 0.7 else clean
    if random.random() < 0.4:  # real lights are brighter than white in a picture
        linear = linear * (1 + random.uniform(1, 8) * (linear.min(axis=2, keepdims=True) > 0.9))
    kind = random.random()
    if kind < 0.45:
        result = cv2.filter2D(linear, -1, shake(random), borderType=cv2.BORDER_REFLECT)
    else:
        result = mean_of_frames(random, linear)
    if random.random() < 0.2:  # two parts of the scene move differently
        other = mean_of_frames(random, linear)
        mask = blob(random, clean.shape[:2])
        result = result * mask + other * (1 - mask)
    result = result.clip(0, 1)
    result = result ** (1 / GAMMA) if linear is not clean else result
    if night or random.random() < 0.1:
        result = camera(random, result.astype(np.float32), 10 ** random.uniform(-6, -4.5))
    elif random.random() < 0.6:
        result = result + grain(random, clean.shape, random.uniform(0.001, 0.01))
    return compressed(random, codes(result), 0.6, 55)


def shake(random: Generator) -> np.ndarray:
    """A blur kernel from the path of a shaking hand, a random walk in velocity."""
    length = np.exp(random.uniform(np.log(6), np.log(45)))
    steps = 256
    velocity = np.zeros([steps, 2])
    velocity[0] = random.normal(size=2)
    jitter, inertia = np.exp(random.uniform(np.log(0.01), np.log(0.4))), random.uniform(0.9, 1)
    for step in range(1, steps):
        velocity[step] = inertia * velocity[step - 1] + jitter * random.normal(size=2)
        if random.random() < 0.004:
            velocity[step] *= -1
    path = np.cumsum(velocity, axis=0)
    path -= path.mean(axis=0)
    path *= length / (np.ptp(path, axis=0).max() + 1e-6)
    return drawn(path, random.uniform(0.3, 0.7))


def drawn(path: np.ndarray, sigma: float) -> np.ndarray:
    """Draw a path [n, 2] as a kernel whose sum is 1."""
    half = int(np.abs(path).max()) + 3
    kernel = np.zeros([2 * half + 1, 2 * half + 1], np.float32)
    cells = np.rint(path).astype(int) + half
    np.add.at(kernel, (cells[:, 0], cells[:, 1]), 1)
    kernel = cv2.GaussianBlur(kernel, (0, 0), sigma)
    return kernel / kernel.sum()


def mean_of_frames(random: Generator, linear: np.ndarray) -> np.ndarray:
    """The mean of video frames while the camera moves, turns and zooms."""
    height, width = linear.shape[:2]
    length = np.exp(random.uniform(np.log(5), np.log(40)))
    count = int(np.clip(length * random.uniform(0.7, 1.2), 5, 24))
    angle = random.uniform(0, 2 * np.pi)
    bend = random.normal() * 0.15 * length
    turn = random.normal() * 0.6 * min(1.0, length / 20) if random.random() < 0.5 else 0.0
    zoom = random.normal() * 0.01 * min(1.0, length / 20) if random.random() < 0.3 else 0.0
    centre = (random.uniform(0, width), random.uniform(0, height))
    total = np.zeros_like(linear)
    for t in np.linspace(-0.5, 0.5, count):
        matrix = cv2.getRotationMatrix2D(centre, 2 * turn * t, 1 + 2 * zoom * t)
        along, aside = length * t, bend * (4 * t * t - 0.5)
        matrix[0, 2] += along * np.cos(angle) - aside * np.sin(angle)
        matrix[1, 2] += along * np.sin(angle) + aside * np.cos(angle)
        total += cv2.warpAffine(linear, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    return total / count


def blob(random: Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A smooth random mask [h, w, 1]."""
    small = random.normal(size=(4, 6)).astype(np.float32)
    mask = cv2.resize(small, shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return (1 / (1 + np.exp(-12 * mask))).astype(np.float32)[..., None]


def rainy(random: Generator, clean: np.ndarray) -> np.ndarray:
    """Rain streaks in one to five layers, sometimes with the veil of heavy rain."""
    height, width = clean.shape[:2]
    main = random.normal() * 22  # degrees from upright
    heavy = random.random()
    layers = 1 if heavy < 0.55 else random.integers(2, 6)
    rain = np.zeros([height, width], np.float32)
    for _ in range(layers):
        tilt = main + random.normal() * (2 if random.random() < 0.6 else 15)
        rain = np.maximum(rain, layer(random, height, width, np.clip(tilt, -60, 60)))
    strength = np.exp(random.uniform(np.log(0.12), np.log(0.85)))
    rain = (strength * rain).clip(0, 1)[..., None]
    way = random.random()
    if way < 0.5:
        result = clean + rain
    elif way < 0.8:
        result = 1 - (1 - clean) * (1 - rain)
    else:
        result = clean * (1 - rain) + rain * random.uniform(0.7, 0.95)
    if layers > 1 and random.random() < 0.5:
        veil = random.uniform(0.05, 0.35)
        result = result * (1 - veil) + veil * random.uniform(0.5, 0.9)
    return compressed(random, codes(result), 0.5, 60)


def layer(random: Generator, height: int, width: int, tilt: float) -> np.ndarray:
    """One layer of rain streaks [h, w] with values from 0 to 1."""
    length = np.exp(random.uniform(np.log(9), np.log(70)))
    breadth = np.exp(random.uniform(np.log(0.35), np.log(1.8)))  # standard deviation in pixels
    scale = min(1.0, height / 300)
    way = random.random()
    if way < 0.3:  # as in picture editors: the peaks of noise with motion blur
        zoom = random.uniform(1, 3)
        small = random.normal(size=(int(height / zoom) + 1, int(width / zoom) + 1))
        noise = cv2.resize(small.astype(np.float32), (width, height))
        slope = np.deg2rad(tilt)
        t = np.linspace(-0.5, 0.5, int(4 * length))[:, None] * length
        kernel = drawn(t * np.array([[np.cos(slope), np.sin(slope)]]), 0.3)
        noise = cv2.filter2D(noise, -1, kernel, borderType=cv2.BORDER_REFLECT)
        low, high = np.percentile(noise, [random.uniform(50, 93), 99.7])
        streaks = (noise - low) / (high - low)
    elif way < 0.65:
        cover = np.exp(random.uniform(np.log(0.015), np.log(0.3)))
        seeds = (random.random((height, width)) < cover / (length * 2.5 * breadth)).astype(
            np.float32
        )
        seeds *= random.uniform(0.3, 1, seeds.shape).astype(np.float32)
        t = np.linspace(-0.5, 0.5, int(4 * length))[:, None] * length
        slope = np.deg2rad(tilt)
        kernel = drawn(t * np.array([[np.cos(slope), np.sin(slope)]]), breadth)
        streaks = cv2.filter2D(seeds, -1, kernel[::-1, ::-1] / kernel.max())
    else:
        streaks = np.zeros([height, width], np.float32)
        count = int(height * width / 10000 * np.exp(random.uniform(np.log(4), np.log(60))))
        for _ in range(count):
            own = np.deg2rad(tilt + random.normal() * 1.5)
            size = max(5.0, scale * length * random.uniform(0.4, 1.6))
            x, y = random.uniform(-50, width + 50), random.uniform(-50, height + 50)
            end = (int(16 * (x + size * np.sin(own))), int(16 * (y + size * np.cos(own))))
            thickness = max(1, round(breadth * random.uniform(0.8, 2)))
            value = random.uniform(0.3, 1)
            cv2.line(streaks, (int(16 * x), int(16 * y)), end, value, thickness, cv2.LINE_AA, 4)
        streaks = cv2.GaussianBlur(streaks, (0, 0), random.uniform(0.3, 0.9))
    return streaks.clip(0, 1)


def dark(random: Generator, clean: np.ndarray) -> np.ndarray:
    """Low light: a short exposure and its noise."""
    mean = np.exp(random.uniform(np.log(0.015), np.log(0.12)))
    result = darkened(random, clean, mean)
    if random.random() < 0.8:
        strength = np.exp(random.uniform(np.log(2e-6), np.log(3e-4)))
        result = camera(random, result, strength)
    return compressed(random, codes(result), 0.3, 75)


def dimmed(random: Generator, clean: np.ndarray) -> np.ndarray:
    """Darken as in the evening or indoors, but with a correct exposure; sometimes add lamps."""
    mean = np.exp(random.uniform(np.log(0.09), np.log(0.35)))
    if clean.mean() <= mean:
        return clean
    dim = darkened(random, clean, mean)
    return lit(random, dim) if random.random() < 0.3 else dim


def lit(random: Generator, picture: np.ndarray) -> np.ndarray:
    """Add lamps: points with a glow, and discs if they are out of focus."""
    height, width = picture.shape[:2]
    lamps = np.zeros_like(picture)
    for _ in range(random.integers(1, 12)):
        centre = int(random.integers(width)), int(random.integers(height))
        colour = [1.0, *random.uniform(0.5, 1, 2)]
        cv2.circle(lamps, centre, int(random.integers(1, 9)), colour, -1, cv2.LINE_AA)
    lamps = cv2.GaussianBlur(lamps, (0, 0), random.uniform(0.5, 2))
    glow = cv2.GaussianBlur(lamps, (0, 0), random.uniform(5, 20))
    return np.maximum(picture, lamps) + random.uniform(0, 1) * glow


def darkened(random: Generator, clean: np.ndarray, mean: float) -> np.ndarray:
    """Simulate a shorter exposure with changed contrast, so that the mean is about ``mean``."""
    contrast = random.uniform(0.9, 1.3)
    low, high = 0.0, 1.0
    for _ in range(12):
        factor = (low + high) / 2
        result = (factor * clean**GAMMA) ** (contrast / GAMMA)
        low, high = (factor, high) if result.mean() < mean else (low, factor)
    return result.astype(np.float32)


def clean_variant(random: Generator, clean: np.ndarray) -> np.ndarray:
    """A variant that needs no restoration: soft, enlarged, compressed, dim, with bokeh or grain."""
    result = clean
    if random.random() < 0.3:
        result = dimmed(random, result)
    elif random.random() < 0.1:  # snow and fog
        result = 1 - random.uniform(0.2, 0.7) * (1 - result)
    kind = random.random()
    if kind < 0.2:
        result = cv2.GaussianBlur(result, (0, 0), random.uniform(0.4, 1.3))
    elif kind < 0.4:
        result = softened(random, result)
    elif kind < 0.55:  # a sharp subject in front of a blurred background
        side = 2 * random.integers(2, 9) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.float32)
        far = cv2.filter2D(result, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)
        mask = blob(random, result.shape)
        result = mask * result + (1 - mask) * far
    elif kind < 0.65:
        result = sharpened(random, result)
    way = random.random()
    if way < 0.35:
        result = result + grain(random, result.shape, random.uniform(0.001, 0.009))
    elif way < 0.7:  # the noise of the best cameras, or of the mean of many exposures
        result = camera(random, result.clip(0, 1), 10 ** random.uniform(-7, -5))
    return compressed(random, codes(result), 0.5, 40)


def grain(random: Generator, shape: tuple[int, ...], sigma: float) -> np.ndarray:
    """Slight noise, different in every channel or the same in all."""
    own = shape if random.random() < 0.6 else (*shape[:2], 1)
    return (sigma * random.normal(size=own)).astype(np.float32)


def codes(picture: np.ndarray) -> np.ndarray:
    """The picture as uint8."""
    return np.rint(255 * picture.clip(0, 1)).astype(np.uint8)


def compressed(random: Generator, picture: np.ndarray, share: float, lowest: int) -> np.ndarray:
    """Compress a share of the pictures as JPEG of at least the quality ``lowest``; uint8."""
    if random.random() < share:
        quality = int(random.uniform(lowest, 98))
        _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return np.ascontiguousarray(picture)


#: Degradation → the smallest standard deviation from the clean picture that is visible.
VISIBLE = {"": 0.0, "noise": 0.01, "motion blur": 0.015, "rain": 0.015, "low light": 0.0}
#: Degradation, "" for none → the function that simulates it.
KINDS = {"": clean_variant, "noise": noisy, "motion blur": blurred, "rain": rainy,
         "low light": dark}  # fmt: skip
