TZ=America/New_York LC_ALL=C CSACONFIG=more/plain.conf csacom -ww -J -G -U more/pacct1
