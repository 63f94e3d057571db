TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacom -T -J -L more/pacct1
