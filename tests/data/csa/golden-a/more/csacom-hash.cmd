TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacom -u root -u "#" more/pacct1
