TZ=UTC LC_ALL=C CSACONFIG=more csacom in/pacct2
