"""The picture of a region: straightened, judged, and parted into lines; no network is asked."""
