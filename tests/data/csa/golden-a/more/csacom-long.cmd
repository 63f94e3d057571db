TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacom --what more/pacct1
