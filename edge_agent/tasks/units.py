"""`UNITS`: which units Home Assistant takes for a sensor of which device class.

The table is that of Home Assistant 2026.2, `DEVICE_CLASS_UNITS` in
`homeassistant/components/sensor/const.py`, as far as a picture can show such a thing;
`make test-home-assistant` holds it against a real one.
"""

UNITS: dict[str, tuple[str, ...]] = {
    "water": ("CCF", "ft³", "gal", "L", "m³", "MCF"),
    "gas": ("CCF", "ft³", "L", "m³", "MCF"),
    "energy": (
        *("J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh"),
        *("cal", "kcal", "Mcal", "Gcal"),
    ),
    "volume": ("CCF", "fl. oz.", "ft³", "gal", "L", "m³", "MCF", "mL"),
    "power": ("mW", "W", "kW", "MW", "GW", "TW"),
    "volume_flow_rate": (
        *("m³/h", "m³/min", "m³/s", "ft³/min", "L/h", "L/min", "L/s"),
        *("gal/h", "gal/min", "gal/d", "mL/s"),
    ),
    "temperature": ("°C", "°F", "K"),
    "pressure": (
        *("mPa", "Pa", "hPa", "kPa", "bar", "cbar", "mbar", "mmHg", "inHg", "inH₂O", "psi"),
    ),
    "humidity": ("%",),
}
