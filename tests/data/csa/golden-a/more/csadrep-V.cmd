TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csadrep -V 7 -V 0 out/drep.csa
