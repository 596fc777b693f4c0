"""The names of time zones that people use: tables, and nothing else."""

from __future__ import annotations

# Hours ahead of UTC, and a place whose clocks tell whether the abbreviation is out of season.
FIXED: dict[str, tuple[float, str]] = {
    "UTC": (0, ""), "GMT": (0, ""), "Z": (0, ""), "UCT": (0, ""),
    "EAT": (3, ""), "WAT": (1, ""), "CAT": (2, ""), "SAST": (2, ""), "WAST": (2, ""),
    "WET": (0, "Europe/Lisbon"), "WEST": (1, "Europe/Lisbon"),
    "CET": (1, "Europe/Berlin"), "CEST": (2, "Europe/Berlin"),
    "MET": (1, "Europe/Berlin"), "MEST": (2, "Europe/Berlin"),
    "MEZ": (1, "Europe/Berlin"), "MESZ": (2, "Europe/Berlin"),
    "EET": (2, "Europe/Helsinki"), "EEST": (3, "Europe/Helsinki"), "MSK": (3, ""), "TRT": (3, ""),
    "EST": (-5, "America/New_York"), "EDT": (-4, "America/New_York"), "CDT": (-5, "America/Chicago"),
    "MST": (-7, "America/Denver"), "MDT": (-6, "America/Denver"),
    "PST": (-8, "America/Los_Angeles"), "PDT": (-7, "America/Los_Angeles"),
    "AKST": (-9, "America/Anchorage"), "AKDT": (-8, "America/Anchorage"), "HST": (-10, ""), "HDT": (-9, ""),
    "NST": (-3.5, "America/St_Johns"), "NDT": (-2.5, "America/St_Johns"), "ADT": (-3, "America/Halifax"),
    "BRT": (-3, ""), "BRST": (-2, ""), "ART": (-3, ""), "CLT": (-4, ""),
    "COT": (-5, ""), "PET": (-5, ""), "UYT": (-3, ""),
    "PKT": (5, ""), "NPT": (5.75, ""), "ICT": (7, ""), "WIB": (7, ""), "WITA": (8, ""), "WIT": (9, ""),
    "HKT": (8, ""), "SGT": (8, ""), "MYT": (8, ""), "PHT": (8, ""),
    "PHST": (8, ""), "JST": (9, ""), "KST": (9, ""),
    "AWST": (8, ""), "ACST": (9.5, "Australia/Adelaide"), "ACDT": (10.5, "Australia/Adelaide"),
    "AEST": (10, "Australia/Sydney"), "AEDT": (11, "Australia/Sydney"),
    "NZST": (12, "Pacific/Auckland"), "NZDT": (13, "Pacific/Auckland"),
    "CHST": (10, ""), "IDT": (3, "Asia/Jerusalem"),
    "BST": (1, "Europe/London"),
}  # fmt: skip

AMBIGUOUS: dict[str, tuple[tuple[str, str, float], ...]] = {
    "CST": (("US Central", "America/Chicago", -6), ("China", "Asia/Shanghai", 8), ("Cuba", "America/Havana", -5)),
    "IST": (("India", "Asia/Kolkata", 5.5), ("Israel", "Asia/Jerusalem", 2), ("Ireland", "Europe/Dublin", 1)),
    "AST": (("Atlantic", "America/Halifax", -4), ("Arabia", "Asia/Riyadh", 3)),
    "GST": (("Gulf", "Asia/Dubai", 4), ("South Georgia", "Atlantic/South_Georgia", -2)),
    "SST": (("Singapore", "Asia/Singapore", 8), ("Samoa", "Pacific/Pago_Pago", -11)),
    "AMT": (("Amazon", "America/Manaus", -4), ("Armenia", "Asia/Yerevan", 4)),
    "WST": (("Western Australia", "Australia/Perth", 8), ("Samoa", "Pacific/Apia", 13)),
}

# What people say where the clocks change: a place, so that the date decides.
SPOKEN: dict[str, str] = {
    "eastern": "America/New_York", "central": "America/Chicago",
    "mountain": "America/Denver", "pacific": "America/Los_Angeles",
    "alaska": "America/Anchorage", "hawaii": "Pacific/Honolulu", "atlantic": "America/Halifax",
    "central european": "Europe/Berlin", "eastern european": "Europe/Helsinki",
    "western european": "Europe/Lisbon",
    "east africa": "Africa/Nairobi", "east african": "Africa/Nairobi",
    "west africa": "Africa/Lagos", "west african": "Africa/Lagos",
    "central africa": "Africa/Maputo", "central african": "Africa/Maputo",
    "south africa": "Africa/Johannesburg",
    "south african": "Africa/Johannesburg", "british": "Europe/London",
    "uk": "Europe/London", "irish": "Europe/Dublin",
    "india": "Asia/Kolkata", "indian": "Asia/Kolkata", "israel": "Asia/Jerusalem",
    "japan": "Asia/Tokyo", "korea": "Asia/Seoul",
    "china": "Asia/Shanghai", "hong kong": "Asia/Hong_Kong",
    "singapore": "Asia/Singapore", "pakistan": "Asia/Karachi",
    "gulf": "Asia/Dubai", "arabia": "Asia/Riyadh", "moscow": "Europe/Moscow", "brasilia": "America/Sao_Paulo",
    "new zealand": "Pacific/Auckland", "australian eastern": "Australia/Sydney",
    "australian western": "Australia/Perth",
    "australian central": "Australia/Adelaide", "greenwich mean": "UTC",
    "coordinated universal": "UTC", "universal": "UTC",
}  # fmt: skip
LETTERS = {"ET": "eastern", "PT": "pacific", "CT": "central", "MT": "mountain"}
LONE_REGIONS = ("eastern", "pacific", "mountain", "central")
NOT_A_ZONE_THEN = (
    *("region", "cluster", "office", "data", "datacenter", "dc"),
    *("site", "coast", "link", "ocean", "zone", "us"),
)

# English words that are zones in capitals only, and capitals that look like a zone and are none.
CAPITALS_ONLY = frozenset(
    ("EAT", "CAT", "WAT", "ART", "MET", "WET", "WEST", "PET", "WIT", "COT", "AST", "MST", "ADT", "MYT", "NPT")
)
NO_ZONES = frozenset(
    ("TEST", "REST", "HOST", "POST", "LAST", "MUST", "FAST", "BEST", "JUST", "LIST", "DIST", "COST", "LOST", "PAST")
)
