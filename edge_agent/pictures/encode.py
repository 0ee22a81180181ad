"""A frame as a JPEG that is no larger than it may be."""

import cv2
import numpy as np

from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError

# First a worse picture, then a smaller one: details go before the view does.
QUALITIES = (85, 70, 55)
SMALLEST_SIDE = 64


def encode_snapshot(image: U8, order: ColourOrder, max_bytes: int) -> bytes:
    """`image` as a JPEG of at most `max_bytes`, as good as fits.

    Args:
        image: (H, W) or (H, W, 3) uint8, channels in `order`.
        order: of the channels.
        max_bytes: the bound; at least some 2000 for a picture of any kind.

    Raises:
        SourceError: even a very small and poor picture is larger.
    """
    colour = image if image.ndim == 2 or order == "bgr" else image[:, :, ::-1]
    picture: U8 = np.ascontiguousarray(colour)
    while True:
        for quality in QUALITIES:
            done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if done and len(data) <= max_bytes:
                return data.tobytes()
        height, width = picture.shape[:2]
        if max(height, width) < 2 * SMALLEST_SIDE:
            raise SourceError(
                f"expected a snapshot of at most {max_bytes} bytes, "
                f"found {len(data)} at {width}x{height}"
            )
        size = max(1, width // 2), max(1, height // 2)
        smaller = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        picture = np.asarray(smaller, np.uint8)
