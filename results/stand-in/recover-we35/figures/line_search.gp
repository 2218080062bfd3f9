# Drawn again by: gnuplot line_search.gp
set encoding utf8
set terminal svg size 720,440 dynamic enhanced font "Helvetica,14" background "white" linewidth 1
set output "line_search.svg"
set datafile missing "NaN"
set border 3 linecolor rgb "#333333" linewidth 1
set tics nomirror scale 0.6 textcolor rgb "#333333"
set grid ytics linetype 1 linecolor rgb "#E6E6E6" linewidth 1
set xlabel textcolor rgb "#333333" offset 0,0.2
set ylabel textcolor rgb "#333333" offset 0.8,0
unset key
set xlabel "step t along (dλ, dW)"
set ylabel "validation loss (nats/token)"
set y2label "validation perplexity" textcolor rgb "#333333" offset -0.8,0
set border 11
set xrange [-0.307527:25.9348]
set yrange [5.9356414:6.6108458]
set y2range [5.9356414:6.6108458]
set xtics ("0" 0, "5" 5, "10" 10, "15" 15, "20" 20, "25" 25)
set ytics ("6.0" 6, "6.1" 6.1000000000000005, "6.2" 6.2, "6.3" 6.300000000000001, "6.4" 6.4, "6.5" 6.5, "6.6" 6.6000000000000005)
set y2tics ("400" 5.991464547107982, "450" 6.1092475827643655, "500" 6.214608098422191, "550" 6.309918278226516, "600" 6.396929655216146, "650" 6.476972362889683, "700" 6.551080335043404)
set arrow from graph 0, first 6.027469158402167 to graph 1, first 6.027469158402167 nohead back dashtype (2,4) linecolor rgb "#777777"
set label "t = 0" at graph 1, first 6.027469158402167 right offset -0.6,0.6 textcolor rgb "#777777" font ",12"
set label "t* = 0, perplexity 414.66" at first 0, first 6.027469158402167 left offset 0,-1.3 front textcolor rgb "#D55E00"
plot "line_search.dat" index 0 using 1:2 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.4 with linespoints title "round 1: t* = 0, perplexity 414.66", \
     "+" using (0):(6.027469158402167) every ::0::0 linecolor rgb "#D55E00" linewidth 2 pointtype 6 pointsize 1.2 with points notitle
