TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacom -u daemon -u root more/pacct1
