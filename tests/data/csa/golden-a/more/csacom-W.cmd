TZ=Europe/Berlin LC_ALL=C CSACONFIG=more/plain.conf csacom -W -L more/pacct1
