"""The trading calendars that an instrument may name.

They are those of exchange_calendars, listed here because asking that library takes pandas and half a second, and
a configuration is checked on every edit. A test compares the two.
"""

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
