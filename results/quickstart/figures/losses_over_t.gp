# Drawn again by: gnuplot losses_over_t.gp
set encoding utf8
set terminal svg size 720,440 dynamic enhanced font "Helvetica,14" background "white" linewidth 1
set output "losses_over_t.svg"
set datafile missing "NaN"
set border 3 linecolor rgb "#333333" linewidth 1
set tics nomirror scale 0.6 textcolor rgb "#333333"
set grid ytics linetype 1 linecolor rgb "#E6E6E6" linewidth 1
set xlabel textcolor rgb "#333333" offset 0,0.2
set ylabel textcolor rgb "#333333" offset 0.8,0
unset key
set xlabel "step t along (dλ, dW)"
set ylabel "change of the loss since t = 0 (nats/token)"
set rmargin 11
set tmargin 2.5
set xrange [-0.0603478:5.02898]
set yrange [-0.013106579:0.00074188186]
set xtics ("0" 0, "1" 1, "2" 2, "3" 3, "4" 4, "5" 5)
set ytics ("-0.012" -0.012, "-0.010" -0.01, "-0.008" -0.008, "-0.006" -0.006, "-0.004" -0.004, "-0.002" -0.002, "0.000" 0)
set arrow from graph 0, first 0 to graph 1, first 0 nohead back linecolor rgb "#777777"
set arrow from first 4.190818401470461, graph 0 to first 4.190818401470461, graph 1 nohead back dashtype (2,4) linecolor rgb "#777777"
set label "t* = 4.191" at first 4.190818401470461, graph 1 center offset 0,0.6 textcolor rgb "#777777" font ",12"
set label "train" at graph 1, graph 0.4329 left offset 1,0 textcolor rgb "#0072B2"
set label "selection" at graph 1, graph 0.0919 left offset 1,0 textcolor rgb "#D55E00"
set label "test" at graph 1, graph 0.1539 left offset 1,0 textcolor rgb "#009E73"
plot "losses_over_t.dat" index 0 using 1:2 linecolor rgb "#0072B2" linewidth 2 pointtype 7 pointsize 0.4 with linespoints, \
     "losses_over_t.dat" index 1 using 1:2 linecolor rgb "#D55E00" linewidth 2 pointtype 7 pointsize 0.4 with linespoints, \
     "losses_over_t.dat" index 2 using 1:2 linecolor rgb "#009E73" linewidth 2 pointtype 7 pointsize 0.4 with linespoints
