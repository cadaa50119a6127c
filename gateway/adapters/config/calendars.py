"""The trading calendars that an instrument may name.

They are those of exchange_calendars, listed here because asking that library takes pandas and half a second, and
a configuration is checked on every edit. A test compares the two. When the trading day of a venue begins, unless
its configuration says so, follows from the calendars of what is traded there.
"""

from collections.abc import Iterable

from gateway.domain.days import DayRoll

_EXCHANGES = """
    24/5 24/7 AIXK ASEX BVMF CMES IEPA XAMS XASX XBDA XBEL XBKK XBOG XBOM XBRA XBRU XBSE XBUD XBUE XCBF XCSE XCYS
    XDUB XDUS XEEE XETR XEUR XFRA XHAM XHEL XHKG XICE XIDX XIST XJSE XKAR XKLS XKRX XLIM XLIS XLIT XLJU XLON XLUX
    XMAD XMEX XMIL XMOS XNYS XNZE XOSL XPAR XPHS XPRA XRIS XSAU XSES XSGO XSHG XSTO XSTU XSWX XTAE XTAI XTAL XTKS
    XTSE XWAR XWBO XZAG us_futures
"""
_OTHER_NAMES = """
    ARCX ASX BATS BMF BSE BVB CBOT CFE CME COMEX FWB HKEX ICE ICEUS JKT JPX LSE LUXSE NASDAQ NYFE NYMEX NYSE OOTC
    OSE SIX SSE TASE TSX XASE XNAS XTSX
"""

CALENDARS = frozenset(_EXCHANGES.split()) | frozenset(_OTHER_NAMES.split())

#: Where each calendar's exchange is; what is not listed here keeps UTC (24/5 and 24/7 have no place).
_ZONES = """
    Africa/Johannesburg XJSE; America/Argentina/Buenos_Aires XBUE; America/Lima XLIM; America/Mexico_City XMEX
    America/Chicago CBOT CFE CME CMES COMEX NYMEX XCBF us_futures; America/Santiago XSGO; America/Sao_Paulo BMF BVMF
    America/New_York ARCX BATS ICE ICEUS IEPA NASDAQ NYFE NYSE OOTC XASE XNAS XNYS; America/Bogota XBOG
    America/Toronto TSX XTSE XTSX; Asia/Almaty AIXK; Asia/Bangkok XBKK; Asia/Hong_Kong HKEX XHKG
    Asia/Jakarta JKT XIDX; Asia/Karachi XKAR; Asia/Kolkata BSE XBOM; Asia/Kuala_Lumpur XKLS; Asia/Manila XPHS
    Asia/Nicosia XCYS; Asia/Riyadh XSAU; Asia/Seoul XKRX; Asia/Shanghai SSE XSHG; Asia/Singapore XSES
    Asia/Taipei XTAI; Asia/Tel_Aviv TASE XTAE; Asia/Tokyo JPX XTKS; Atlantic/Bermuda XBDA; Atlantic/Reykjavik XICE
    Australia/Sydney ASX XASX; Europe/Amsterdam XAMS; Europe/Athens ASEX; Europe/Belgrade XBEL
    Europe/Berlin FWB XDUS XEEE XETR XEUR XFRA XHAM XSTU; Europe/Bratislava XBRA; Europe/Brussels XBRU
    Europe/Bucharest BVB XBSE; Europe/Budapest XBUD; Europe/Copenhagen XCSE; Europe/Dublin XDUB
    Europe/Helsinki XHEL; Europe/Istanbul XIST; Europe/Lisbon XLIS; Europe/Ljubljana XLJU; Europe/London LSE XLON
    Europe/Luxembourg LUXSE XLUX; Europe/Madrid XMAD; Europe/Moscow XMOS; Europe/Oslo OSE XOSL; Europe/Paris XPAR
    Europe/Prague XPRA; Europe/Riga XRIS; Europe/Rome XMIL; Europe/Stockholm XSTO; Europe/Tallinn XTAL
    Europe/Vienna XWBO; Europe/Vilnius XLIT; Europe/Warsaw XWAR; Europe/Zagreb XZAG; Europe/Zurich SIX XSWX
    Pacific/Auckland XNZE
"""
_FUTURES = frozenset(("CBOT", "CFE", "CME", "CMES", "COMEX", "NYMEX", "XCBF", "us_futures"))
_FIVE_PM = 17 * 60


def _zone_of_calendar() -> dict[str, str]:
    entries = (entry.split() for line in _ZONES.strip().splitlines() for entry in line.split(";"))
    return {calendar: zone for zone, *calendars in entries for calendar in calendars}


_ZONE_OF_CALENDAR = _zone_of_calendar()


def day_roll_for(calendars: Iterable[str]) -> DayRoll:
    """The boundary between trading days that suits everything traded on these calendars.

    Futures roll at 17:00 in Chicago and currencies at 17:00 in New York, when their sessions end; both lie between
    two sessions of the stock exchange next door, so they go before it. A stock exchange alone rolls at its own
    midnight, and what never closes at midnight UTC.
    """
    named = sorted(set(calendars))
    if any(name in _FUTURES for name in named):
        return DayRoll(timezone="America/Chicago", minute=_FIVE_PM)
    if "24/5" in named:
        return DayRoll(timezone="America/New_York", minute=_FIVE_PM)
    zones = [_ZONE_OF_CALENDAR[name] for name in named if name in _ZONE_OF_CALENDAR]
    return DayRoll(timezone=zones[0]) if zones else DayRoll()
